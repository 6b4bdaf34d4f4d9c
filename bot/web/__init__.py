"""The web surface: sign-in, pages, health and metrics."""
