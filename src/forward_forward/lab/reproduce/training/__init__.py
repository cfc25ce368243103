"""A job and its data -> a record: one module for each method of training, and their common code.

``feedforward``, ``backprop``, ``recurrent``, ``asynchronous``, ``analog`` and ``unsupervised``
train, ``step_times`` measures; ``loop`` is the loop of all of them, ``start`` describes a network
before it, ``probes`` and ``features`` afterwards.
"""
