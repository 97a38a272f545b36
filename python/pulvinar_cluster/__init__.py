"""Sweeps of Pulvinar on several hosts by HyperQueue's Python wheel alone, without the program `hq`.

python -m pulvinar_cluster head --dir D                                    # on one host
python -m pulvinar_cluster worker --dir D --cores 8                        # on each host
python -m pulvinar_cluster submit PLAN --store S --backend hq --shards 100 --dir D

D lies on a file system that every host sees. See docs/cluster.md.
"""

from .errors import ClusterError

__all__ = ["ClusterError"]
