"""Boxes of vehicle parts in images, with class and score: read from four file formats, stored in one."""

from harness.boxes.reading import kinds_of as kinds_of
from harness.boxes.reading import needed_boxes as needed_boxes
from harness.boxes.reading import read_boxes as read_boxes
from harness.boxes.sources import digests as digests
from harness.boxes.sources import find_boxes as find_boxes
from harness.boxes.sources import keep as keep
from harness.boxes.sources import with_kept as with_kept
from harness.boxes.value import Boxes as Boxes
from harness.data.part_classes import CLASSES as CLASSES
