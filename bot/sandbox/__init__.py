"""A simulated Telegram with a chat page; listens on loopback only."""
