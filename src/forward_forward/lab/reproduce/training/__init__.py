"""A job and its data -> a record: one module for each way to train, and what they share.

``feedforward``, ``backprop``, ``recurrent``, ``asynchronous``, ``analog`` and ``unsupervised``
train; ``loop`` is the loop that all follow, ``start`` looks at a network before it, ``probes`` and
``features`` at what has become of it.
"""
