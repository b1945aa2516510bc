"""The logger of the package. Every failure is logged at level debug, because recording must not disturb the agents."""

import logging

log = logging.getLogger("agent_performance")
