"""Unit tests of bench/lib/outputs.py: the look at a file before there are results.

    python3 -m unittest discover -s tests/bench
"""

import os
import select
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/lib"))

from outputs import make_room  # noqa: E402


class MakeRoom(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "folder", "results")

    def test_the_folder_is_made_and_no_file(self):
        make_room(self.path)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_a_file_keeps_what_it_has(self):
        make_room(self.path)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("before")
        make_room(self.path)
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "before")

    def test_a_link_stays(self):
        make_room(self.path)
        os.symlink("target", self.path)
        make_room(self.path)
        self.assertTrue(os.path.islink(self.path))

    def test_what_cannot_be_written_is_an_error(self):
        make_room(self.path)
        with self.assertRaises(IsADirectoryError):
            make_room(os.path.dirname(self.path))
        with self.assertRaises(OSError):
            make_room("/dev/null/results")

    def test_the_reader_of_a_pipe_sees_no_end(self):
        os.makedirs(os.path.dirname(self.path))
        os.mkfifo(self.path)
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        make_room(self.path)
        poll = select.poll()
        poll.register(reader)
        self.assertEqual(poll.poll(0), [])  # POLLHUP once a writer has come and gone


if __name__ == "__main__":
    unittest.main()
