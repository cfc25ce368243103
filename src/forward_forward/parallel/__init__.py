"""A network and several processes -> one training run, distributed by layers or by batches.

In reading order: ``layout`` (which layers and which shard of a batch each rank has: its ``place``),
``balance`` (layers split into stages by their ``costs``), ``process_group`` (entering and leaving
torch.distributed), ``messages`` (what travels between stages, over ``channels``), ``stage`` (its
layers' steps, and ``stage_look_ahead``), ``async_stage`` (the same at its own pace, over
``async_channels``), ``data_parallel`` (replicas of a stage), ``strategy`` (what `fit` runs on each
rank), ``sharded_checkpoint``, and ``timeouts`` (how a lost rank is noticed).
"""

from forward_forward.parallel.layout import Layout
from forward_forward.parallel.place import Place
from forward_forward.parallel.process_group import begin, launched, leave
from forward_forward.parallel.timeouts import LostRank

__all__ = ["Layout", "LostRank", "Place", "begin", "launched", "leave"]
