"""Sparse Jacobians and Hessians on any engine: find the pattern, color it, compute few products, read off the entries."""

from diffiface.sparse.backend import Sparse as Sparse
from diffiface.sparse.coloring.colored import ColoredPattern as ColoredPattern
from diffiface.sparse.coloring.options import Coloring as Coloring
from diffiface.sparse.detection.detectors import Dense as Dense
from diffiface.sparse.detection.detectors import Detector as Detector
from diffiface.sparse.detection.detectors import FromEngine as FromEngine
from diffiface.sparse.detection.detectors import Known as Known
from diffiface.sparse.detection.detectors import Traced as Traced
from diffiface.sparse.mixed_mode import MixedMode as MixedMode
from diffiface.sparse.pattern import SparsityPattern as SparsityPattern
