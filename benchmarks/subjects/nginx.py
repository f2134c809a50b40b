"""nginx as a reverse proxy: relays and knows nothing of what it relays."""

import getpass
import shutil
import subprocess
from typing import ClassVar

from benchmarks.subjects.subject import Gateway, Site

# sendfile and tcp_nopush as Debian's nginx.conf has them: without, a body from a temporary file takes 40 ms more, which
# is Nagle's algorithm waiting for a delayed acknowledgement. Answers are not buffered, as anyone sets it who relays
# streams; request bodies are, as by default.
CONFIGURATION = """
user {user};
worker_processes 1;
daemon off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 8192; }}
http {{
  sendfile on;
  tcp_nopush on;
  access_log access.log;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  client_max_body_size 64m;
  {body_buffer}
  upstream backend {{ server 127.0.0.1:{upstream}; keepalive 512; }}
  server {{
    listen 127.0.0.1:{port};
    location = /health/ready {{ return 200; }}
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Nginx(Gateway):
    name = "nginx"
    takes = Gateway.takes | {"upload"}
    body_buffer: ClassVar[str] = ""

    def lacks(self) -> str | None:
        return None if shutil.which("nginx") else "no nginx on the path (Debian: apt install nginx-light)"

    def command(self, site: Site) -> list[str]:
        text = CONFIGURATION.format(user=getpass.getuser(), body_buffer=self.body_buffer, **vars(site))
        return ["nginx", "-p", str(site.home), "-e", "error.log", "-c", site.write("nginx.conf", text)]

    def version(self) -> str:
        done = subprocess.run(["nginx", "-v"], capture_output=True, text=True)
        return done.stderr.strip().rpartition("/")[2]


class NginxBuffered(Nginx):
    """nginx as its operators set it for large bodies: they stay in memory instead of a temporary file."""

    name = "nginx-16m"
    takes = frozenset({"picture", "upload"})
    body_buffer = "client_body_buffer_size 16m;"
