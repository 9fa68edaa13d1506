""" "Chỗ tôi chưa có công đoàn": told in confidence, silent below the threshold, an alert with a ready file above it."""
