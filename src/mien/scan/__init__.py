"""A raw scan in: a clean, upright, metric scan with 68 landmarks out."""

from mien.scan.clean import Dropped, clean_and_count, clean_scan
from mien.scan.landmark_file import read_landmarks
from mien.scan.load import load_scan
from mien.scan.prepare import prepare_scan

__all__ = ["Dropped", "clean_and_count", "clean_scan", "load_scan", "prepare_scan", "read_landmarks"]
