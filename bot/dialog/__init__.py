"""The conversation: screens, buttons, menus and words for patients and staff."""
