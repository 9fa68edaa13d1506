"""The union tree and its people: decisions that change it, lists that fill it, files that leave it."""
