"""All commands as one: `python -m entrypoints --help`. The installed script is called `rustml`."""

from entrypoints._support.group import CommandGroup

main = CommandGroup("rustml", help="From a base language model to a compiler-verified Rust coder, stage by stage.")

if __name__ == "__main__":
    main()
