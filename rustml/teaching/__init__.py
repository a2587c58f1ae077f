"""Answers of other models to verifiable problems, through the judge and a vote of peers."""
