"""The one error of this package."""


class ExportError(ValueError):
    """The model cannot be exported as it stands; the message says where, what and what to do."""
