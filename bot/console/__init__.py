"""The team's web pages. They call the same use cases as the chats and the shell, and decide nothing of their own.

No build step, nothing from another server: templates, one style sheet, one script, and htmx as it was released.
"""
