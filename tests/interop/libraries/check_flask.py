"""Flask under ``zerofill run``: each of 100 requests is answered in a thread of its own."""

from unedited import output_of

PROGRAM = """
    import threading
    from urllib.request import urlopen

    from counting import handlers
    from flask import Flask
    from werkzeug.serving import make_server

    app = Flask(__name__)

    @app.get("/")
    def answer():
        return f"{threading.current_thread() is main} {handlers()}"

    main = threading.main_thread()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers = set()
    for _ in range(100):
        with urlopen(f"http://127.0.0.1:{server.port}/") as response:
            answers.add(response.read().decode())
    print(answers)
    server.shutdown()
"""


def test_requests_use_zerofill(tmp_path):
    printed = output_of(tmp_path, PROGRAM)
    assert printed == """{"False {'zerofill'}"}\n"""
