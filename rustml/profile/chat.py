"""Profile section of chat rendering."""

from typing import Literal

from rustml.profile.section import Section


class ChatSection(Section, frozen=True):
    """How a conversation becomes the text that a model continues, in training, evaluation and serving alike."""

    template: Literal["checkpoint", "chatml"]
    """`checkpoint`: the template that the model's tokenizer brings; without one, chat is refused. `chatml`: the
    project's own, for models without a template: it is saved with every model that is trained with it."""
    system: str
    """System prompt of conversations that bring none of their own; empty for none. It is written into the template
    that is saved with a trained model, so that a server of it uses it as well."""
