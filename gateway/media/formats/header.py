"""What the header of a picture promises."""

from dataclasses import dataclass


class Incomplete(Exception):
    """The beginning does not reach far enough; the whole picture would tell."""


@dataclass(frozen=True, slots=True)
class Header:
    """A picture's real type and size. ``width`` and ``height`` are the largest that a decoder would have to hold.

    ``frames`` counts an animation's frames, a TIFF's pages, an icon's pictures; ``animated`` tells the first of these
    from the others. Sizes are in pixels, before any EXIF orientation.
    """

    mime: str
    width: int
    height: int
    frames: int = 1
    animated: bool = False

    @property
    def pixels(self) -> int:
        """Of one frame."""
        return self.width * self.height
