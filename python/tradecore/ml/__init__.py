"""Models for signals: labels, weights, splits, data sets, training and model files.

Nothing of scikit-learn is written again here: estimators, pipelines and scores are its own. What it lacks is time:
labels that span rows, splits that keep them apart, features that are only what was known.
"""

from tradecore.ml.card import model_card, model_picture
from tradecore.ml.dataset import Dataset, build_dataset
from tradecore.ml.estimators import make_estimator
from tradecore.ml.fractional import fractional_difference, fractional_weights
from tradecore.ml.inference import Inference
from tradecore.ml.labels import (
    TrendScan,
    TripleBarrier,
    cusum_events,
    forward_return,
    meta_labels,
    trend_scanning,
    triple_barrier,
)
from tradecore.ml.leakage import Leak, ShuffledScore, check_leakage, check_shuffled
from tradecore.ml.model_files import load_model, save_model
from tradecore.ml.prediction import LoadedModel
from tradecore.ml.predictor import ModelPredictor
from tradecore.ml.splits import CombinatorialPurgedCV, PurgedKFold, WalkForward
from tradecore.ml.strategy import SignalStrategy
from tradecore.ml.target import Label
from tradecore.ml.training import Fold, TrainedModel, train
from tradecore.ml.walk import Walk, WalkStep, walk_forward
from tradecore.ml.weights import concurrency, return_weights, time_decay, uniqueness

__all__ = [
    "CombinatorialPurgedCV",
    "Dataset",
    "Fold",
    "Inference",
    "Label",
    "Leak",
    "LoadedModel",
    "ModelPredictor",
    "PurgedKFold",
    "ShuffledScore",
    "SignalStrategy",
    "TrainedModel",
    "TrendScan",
    "TripleBarrier",
    "Walk",
    "WalkForward",
    "WalkStep",
    "build_dataset",
    "check_leakage",
    "check_shuffled",
    "concurrency",
    "cusum_events",
    "forward_return",
    "fractional_difference",
    "fractional_weights",
    "load_model",
    "make_estimator",
    "meta_labels",
    "model_card",
    "model_picture",
    "return_weights",
    "save_model",
    "time_decay",
    "train",
    "trend_scanning",
    "triple_barrier",
    "uniqueness",
    "walk_forward",
]
