"""Owns the conversation: screens, buttons, menus and replies for patients and staff. Never assesses an answer."""
