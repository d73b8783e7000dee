"""The team's web pages. They call the same use cases as the chats and the shell, and make no decisions of their own.

No build step and nothing from another server: templates, one style sheet, one script, and htmx, vendored unchanged.
"""
