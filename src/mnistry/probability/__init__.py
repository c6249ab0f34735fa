"""Are the probabilities true?"""
