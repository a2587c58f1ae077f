"""Raw material of the families on text: names, short texts, letters, test inputs. ASCII only."""

from random import Random

NAMES = ("s", "text", "word", "line", "name")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SEPARATORS = (",", ";", "-", ":", "|", "/", "+", "_")
AFFIXES = (
    "ab", "ace", "act", "add", "age", "air", "all", "ant", "arm", "art", "ash", "ask", "bag", "bar", "bat",
    "bed", "bee", "big", "bit", "box", "boy", "bus", "buy", "cab", "can", "cap", "car", "cat", "cup", "cut",
    "day", "den", "dew", "dig", "dog", "dot", "dry", "ear", "eat", "egg", "end", "eye", "fan", "far", "fin",
    "fit", "fix", "fly", "fog", "fox", "fun", "gap", "gas", "get", "go", "gum", "hat", "hen", "hi", "hot",
    "ice", "ink", "jam", "jar", "jet", "job", "joy", "key", "kid", "kit", "lab", "lap", "law", "leg", "lid",
    "log", "low", "man", "map", "mat", "mix", "mud", "net", "new", "nut", "oak", "off", "oil", "old", "one",
    "owl", "pan", "pen", "pet", "pie", "pin", "pot", "pre", "red", "rib", "rim", "row", "rug", "run", "sea",
    "set", "sky", "sub", "sun", "tag", "tap", "tea", "ten", "tie", "tin", "top", "toy", "un", "up", "van",
    "vet", "war", "wax", "way", "web", "win", "yes", "zip", "ing", "ed", "er", "ly", "re", "un_", "_id", "-x",
    "!", "?", "...", "#1", ":)", "42",
)  # fmt: skip


def texts(rng: Random, *special: str) -> list[str]:
    """Test inputs: empty, the special ones, short and long, mixed case."""
    filler = "".join(rng.sample(LETTERS, 5))
    return list(dict.fromkeys(("", *special, "a", "Hello World", filler, filler.upper() + "7")))
