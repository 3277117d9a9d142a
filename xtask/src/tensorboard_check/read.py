"""Reads the scalars of event files with TensorBoard's own library.

Prints one JSON document: for each folder below the one given, its tags, and for each of these its steps and values.
"""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

root = Path(sys.argv[1])
found = {}
for folder in sorted({path.parent for path in root.rglob("*tfevents*")}):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    times = [e.wall_time for tag in tags for e in events.Scalars(tag)]
    assert times and max(times) - min(times) < 3600, f"{folder}: the times are not of this check"
    found[str(folder.relative_to(root))] = tags
print(json.dumps(found))
