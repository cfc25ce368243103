"""A network and several ranks -> one training, its layers or its batches spread over them.

``layout`` says which layers and which part of a batch each rank has; ``balance`` parts layers by
their ``costs``, as a ``trial`` gives them; ``joining`` takes a rank's place in torch.distributed,
after a ``meeting`` of those that live. ``mail`` is what travels between stages, each a ``parcel``,
over ``links`` or in ``shared`` memory; a ``stage`` learns from it, and ``looks`` at
batches to come; ``freshest`` is a stage at its own pace, ``replicas`` share a batch. ``crew`` is
what `fit` sees of all this, ``shards`` its checkpoints, ``waiting`` how a lost rank is noticed.
``simulate`` foretells how fast it is.
"""

from forward_forward.parallel.layout import Layout
from forward_forward.parallel.place import Place
from forward_forward.parallel.process_group import begin, launched, leave
from forward_forward.parallel.timeouts import LostRank

__all__ = ["Layout", "LostRank", "Place", "begin", "launched", "leave"]
