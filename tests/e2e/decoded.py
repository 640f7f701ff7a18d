"""What ffmpeg decodes, and when: pictures as a few grey pixels, sound as samples."""

import array
import re
import subprocess


def _decode(source, options, form):
    """(bytes of all frames, what the filter showinfo said of each); no warning is accepted."""
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "level+info", "-nostats", "-copyts", "-i", source, *options,
         "-f", form, "-"], capture_output=True, timeout=120, check=False)
    said = done.stderr.decode(errors="replace")
    worse = re.findall(r".*\[(?:warning|error|fatal|panic)\].*", said)
    if done.returncode != 0 or worse:
        raise AssertionError(f"{source}: exit {done.returncode}, {worse[:20]}")
    return done.stdout, re.findall(r"showinfo.*? pts_time:(\S+)(?:.* nb_samples:(\d+))?", said)


def pictures(source, stream="0:v:0", crop="iw:ih", size=(8, 1)):
    """[(seconds, grey pixels)] of every picture; its upper left is cut out, then scaled."""
    width, height = size
    pixels, told = _decode(source, ["-map", stream, "-fps_mode", "passthrough", "-vf",
                                    f"crop={crop}:0:0,scale={width}:{height}:flags=area,"
                                    "setsar=1,format=gray,showinfo"], "rawvideo")
    each = width * height
    if len(pixels) != each * len(told):
        raise AssertionError(f"{source}: {len(pixels)} bytes of {len(told)} pictures")
    return [(float(seconds), pixels[i * each:(i + 1) * each])
            for i, (seconds, _) in enumerate(told)]


def numbers(source, stream="0:v:0"):
    """[(seconds, number)] of every picture of a clip of the kind `counted` or what it became."""
    return [(seconds, sum((grey > 128) << bit for bit, grey in enumerate(bits)))
            for seconds, bits in pictures(source, stream, "iw:ih/4", (12, 1))]


def flashes(source, stream="0:v:0"):
    """Seconds at which the picture turns white."""
    times, white = [], False
    for seconds, greys in pictures(source, stream):
        if min(greys) > 128 and not white:
            times.append(seconds)
        white = min(greys) > 128
    return times


def beeps(source, stream="0:a:0", rate=48000, level=4000, silence=0.3):
    """Seconds at which sound of `rate` grows louder than `level` (of 32768) after a silence."""
    pcm, told = _decode(source, ["-map", stream, "-af", "aformat=sample_fmts=s16:sample_rates="
                                 f"{rate}:channel_layouts=mono,ashowinfo"], "s16le")
    samples = array.array("h", pcm)
    if sum(int(count) for _, count in told) != len(samples):
        raise AssertionError(f"{source}: some of {len(samples)} samples have no time")
    times, heard, at = [], None, 0
    for seconds, count in told:
        frame, at = samples[at:at + int(count)], at + int(count)
        if max(frame) < level and min(frame) > -level:
            continue
        for place, sample in enumerate(frame):
            if abs(sample) >= level:
                now = float(seconds) + place / rate
                if heard is None or now - heard >= silence:
                    times.append(now)
                heard = now
    return times
