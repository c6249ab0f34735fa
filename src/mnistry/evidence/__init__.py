"""Why this digit?"""
