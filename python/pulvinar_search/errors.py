"""The one error of this package."""


class SearchError(Exception):
    """A search that cannot be done: its words name the way out."""
