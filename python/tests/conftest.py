import pytest


@pytest.fixture
def inputs():
    """Sparse event counts [T, B, C, H, W]."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    return torch.poisson(torch.full((4, 6, 2, 8, 8), 0.4))
