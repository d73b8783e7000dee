"""A local stand-in for Telegram with a chat page; it listens on loopback only."""
