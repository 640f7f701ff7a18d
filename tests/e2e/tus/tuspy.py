"""Uploads a file with stock tuspy, the tus project's client for Python.

Goes on where --store, a file that remembers addresses, says that an earlier run has begun. Prints
one line of JSON: {"location", "offset_at_resume"}. Exit 1 when the upload failed.
"""

import argparse
import asyncio
import json
import urllib.parse

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage
from tusclient.uploader.baseuploader import BaseUploader

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--file", required=True)
parser.add_argument("--store")
parser.add_argument("--chunk-bytes", type=int, default=BaseUploader.DEFAULT_CHUNK_SIZE)
parser.add_argument("--checksum", action="store_true")
parser.add_argument("--asynchronous", action="store_true", help="over aiohttp, else requests")
options = parser.parse_args()

client = TusClient(options.url)
uploader = (client.async_uploader if options.asynchronous else client.uploader)(
    options.file, metadata={"filename": "clip.mp4"}, chunk_size=options.chunk_bytes,
    upload_checksum=options.checksum, store_url=options.store is not None,
    url_storage=FileStorage(options.store) if options.store else None)
offset_at_resume = uploader.offset if uploader.url else None
if options.asynchronous:
    asyncio.run(uploader.upload())
else:
    uploader.upload()
print(json.dumps({"location": urllib.parse.urlsplit(uploader.url).path,
                  "offset_at_resume": offset_at_resume}))
