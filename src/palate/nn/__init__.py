"""Layers and graph operators in torch, which is imported when one of them is first used."""
