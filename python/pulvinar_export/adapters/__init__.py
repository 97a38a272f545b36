"""Adapters, one file per framework. Importing this package registers those that can be used."""

from importlib import import_module, metadata, util

from . import line, masnn, torch_nn  # noqa: F401

if util.find_spec("spikingjelly") is not None:
    _version = metadata.version("spikingjelly")
    if int(_version.split(".")[0]) < 2:
        raise ImportError(f"pulvinar-export needs spikingjelly 2.0 or later; {_version} is installed")
    from . import spikingjelly  # noqa: F401

for _framework in ("snntorch", "norse", "sinabs"):
    if util.find_spec(_framework) is not None:
        import_module(f".{_framework}", __name__)
