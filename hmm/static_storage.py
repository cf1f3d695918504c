"""How static files are named. Named in the settings, so that nothing here may import a model."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedFiles(CompressedManifestStaticFilesStorage):
    """WhiteNoise's, each name with the digest of its file; a page is shown also where none has been collected.

    `manage.py up` collects them. A server that is started otherwise, and without, would answer a mistyped address with
    500, as its page for 404 could not be made, nor that for 500.
    """

    def stored_name(self, name: str) -> str:
        """Return the name with the digest; the bare one, which nobody serves, where nothing has been collected."""
        return str(super().stored_name(name)) if self.hashed_files else name
