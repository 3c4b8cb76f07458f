"""Fixtures of the Realtime contract tests: `stack`, the Supabase under test, and `own`, the processes behind it."""

from .realtime_server import own_stack, running_stack

__all__ = ["own_stack", "running_stack"]
