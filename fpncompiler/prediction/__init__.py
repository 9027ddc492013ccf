"""A detector at work on images and videos."""
