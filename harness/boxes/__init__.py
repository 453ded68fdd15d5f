"""Boxes of vehicle parts in images, with class and score: read from five file formats, stored in one."""

from harness.boxes.reading import kinds_of as kinds_of, needed_boxes as needed_boxes, read_boxes as read_boxes
from harness.boxes.sources import digests as digests, find_boxes as find_boxes, keep as keep, with_kept as with_kept
from harness.boxes.value import Boxes as Boxes
from harness.data.part_classes import CLASSES as CLASSES
