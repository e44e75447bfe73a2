"""Hot, warm, cold: who reads what, where it should live, what that saves.

It must not change anything on AWS unless it is told to: only applying a lifecycle and requesting a restore do.
"""
