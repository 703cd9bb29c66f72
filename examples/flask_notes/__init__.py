"""A Flask app whose users turn on end-to-end encrypted backup."""
