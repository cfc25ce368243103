"""A run's folder <-> a model repository on the Hugging Face Hub, with a model card.

``address`` maps ``hf://user/name`` to a local copy, ``upload`` writes a run to a repository, and
``card`` describes it: run.json, metrics -> README.md. A repository contains the files of a run's
folder: JSON, YAML and safetensors, no pickle; nothing else is downloaded.
"""

from forward_forward.hub.address import local
from forward_forward.hub.card import model_card
from forward_forward.hub.upload import SharedRun

__all__ = ["SharedRun", "local", "model_card"]
