"""The one error of this package."""


class ClusterError(RuntimeError):
    """Something that a sweep needs is not there; the message says what, the remedy what to do."""

    def __init__(self, message: str, remedy: str):
        super().__init__(f"{message}\n  help: {remedy}")
