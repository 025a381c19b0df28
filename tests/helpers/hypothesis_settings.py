"""Settings of Hypothesis that several test modules share."""

from hypothesis import HealthCheck, settings

QUICK = settings(
    max_examples=settings.default.max_examples // 4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
