"""Documentation and signature → implementation."""

from rustml.rust.functions import stub
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, FunctionTask, fence


class SigDocImpl(FunctionTask):
    """Implement a function whose documentation and signature are given."""

    name = "sig_doc_impl"
    question_shows = "documentation, signature, `todo!()`"

    def make(self, subject: DocumentedFunction) -> Draft:
        """Ask with `todo!()` for a body."""
        skeleton = f"{subject.docs}\n{subject.attributes}{stub(subject.signature)}"
        return Draft(f"Implement this Rust {subject.noun}.\n\n{fence(skeleton)}", fence(subject.code))
