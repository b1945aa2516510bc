"""Records AI-agent runs at an agent-performance sidecar, and asks it which agent works best. Uses the standard library only."""

from ._delivery import DeliveryStats
from ._track import RunningAttempt, TrackedAttempt, track_attempt
from ._tracker import AgentPerformanceTracker

__all__ = [
    "AgentPerformanceTracker",
    "DeliveryStats",
    "RunningAttempt",
    "TrackedAttempt",
    "track_attempt",
]
