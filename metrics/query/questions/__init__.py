"""The queries as questions that a person can ask in a terminal: `manage.py query`."""

from metrics.query.questions import figures, work
from metrics.query.questions.base import Answer, Present, Question

QUESTIONS: tuple[Question, ...] = (*figures.QUESTIONS, *work.QUESTIONS)

__all__ = ["QUESTIONS", "Answer", "Present", "Question"]
