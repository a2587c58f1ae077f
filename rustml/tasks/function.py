"""The documented function that a task asks about."""

from dataclasses import dataclass

from rustml.rust.functions import Function, outdent


@dataclass(frozen=True)
class DocumentedFunction:
    """A function with its documentation, its parts outdented."""

    function: Function
    key: str
    """Names the function across the corpus; a task's random choices are a hash of it."""
    docs: str
    """Documentation comment."""
    attributes: str
    signature: str
    body: str
    tests: tuple[Function, ...]
    """Tests of the same file that call it."""
    neighbours: tuple[Function, ...] = ()
    """The other functions of its file, tests left out."""

    @property
    def code(self) -> str:
        """Attributes, signature and body, without documentation."""
        return self.attributes + self.signature + self.body

    @property
    def noun(self) -> str:
        """`function`, or `method of` the header of its `impl` or `trait`."""
        context = " ".join(self.function.context.split())
        return f"method of `{context}`" if context else "function"


def documented(
    function: Function, key: str, tests: tuple[Function, ...], neighbours: tuple[Function, ...] = ()
) -> DocumentedFunction:
    """Outdent the parts of a function. Of its attributes, those that end on the line where they begin are included."""
    leading = outdent(function.leading, function)
    documentation = set(function.documentation.splitlines())
    others = [line for line in leading.splitlines() if line.strip() and line.strip() not in documentation]
    attributes = [line for line in others if line.lstrip().startswith("#[") and line.rstrip().endswith("]")]
    return DocumentedFunction(
        function=function,
        key=key,
        docs=function.documentation,
        attributes="".join(f"{line}\n" for line in attributes),
        signature=outdent(function.signature, function),
        body=outdent(function.body, function),
        tests=tests,
        neighbours=neighbours,
    )
