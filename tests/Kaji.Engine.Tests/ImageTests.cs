using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Kaji.Engine.Images;
using Kaji.Engine.Layers;
using Kaji.Linux.Files;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Engine.Tests;

public sealed class ImageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-images-").FullName;

    [Theory]
    [InlineData("nginx", "docker.io/library/nginx:latest")]
    [InlineData("nginx:1.27", "docker.io/library/nginx:1.27")]
    [InlineData("grafana/grafana", "docker.io/grafana/grafana:latest")]
    [InlineData("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1")]
    [InlineData("localhost/x", "localhost/x:latest")]
    [InlineData("127.0.0.1:5000/x:y", "127.0.0.1:5000/x:y")]
    [InlineData("index.docker.io/nginx", "docker.io/library/nginx:latest")]
    [InlineData("x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "docker.io/library/x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Parse_Name_IsCompleted(string text, string full) => Assert.Equal(full, ImageReference.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("Nginx")]
    [InlineData("a:b:c")]
    [InlineData("a@sha256:12")]
    [InlineData("a b")]
    [InlineData("../x")]
    public void Parse_NoName_IsRefused(string text) => Assert.Equal(EngineFault.Invalid, Assert.Throws<EngineException>(() => ImageReference.Parse(text)).Fault);

    [Fact]
    public async Task Build_SameInput_SameId_ModesKept()
    {
        using var one = Store("one");
        using var two = Store("two");
        var source = Source(("bin/tool", "#!/bin/sh\n", 0x1ed), ("etc/data", "x", 0x1a0));
        File.CreateSymbolicLink(source + "/bin/alias", "tool");
        var spec = new ImageBuildSpec { Name = "tool", Directory = source, TargetPath = "/opt/app", Entrypoint = ["/opt/app/bin/tool"], Env = [new("A", "1")], User = "7", WorkingDir = "/opt" };
        var first = await one.BuildAsync(spec);
        foreach (var file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch.AddYears(40));
        }

        var second = await two.BuildAsync(spec with { Name = "other:v1" });

        Assert.Equal(first.Id, second.Id);
        Assert.Equal(["docker.io/library/tool:latest"], first.Names);
        Assert.Equal("7", first.User);
        var layer = Assert.Single(one.Acquire(first.Id, "test").LayerPaths);
        Assert.Equal(0x81edu, FileSystem.Status(layer + "/opt/app/bin/tool")!.Value.Mode);
        Assert.Equal(0x81a0u, FileSystem.Status(layer + "/opt/app/etc/data")!.Value.Mode);
        Assert.Equal("tool", FileSystem.ReadLink(layer + "/opt/app/bin/alias"));
        var third = await one.BuildAsync(spec with { Env = [new("A", "2")] });
        Assert.NotEqual(first.Id, third.Id);
        Assert.Equal(third.Id, one.Find("tool")!.Id);
    }

    [Fact]
    public async Task Build_OnImage_AddsLayerAndKeepsConfiguration()
    {
        using var store = Store("s");
        await store.BuildAsync(new ImageBuildSpec { Name = "base", Directory = Source(("a", "1", 0x1a4)), Env = [new("A", "1"), new("B", "2")], Cmd = ["x"] });
        var image = await store.BuildAsync(new ImageBuildSpec { Name = "top", From = "base", Directory = Source(("b", "2", 0x1a4)), Env = [new("B", "3")], Entrypoint = ["/b"] });
        var content = store.Acquire(image.Id, "test");

        Assert.Equal(2, content.LayerPaths.Count);
        Assert.True(File.Exists(content.LayerPaths[0] + "/b"));
        Assert.Equal(["/b"], content.Config.Entrypoint);
        Assert.Empty(content.Config.Cmd);
        Assert.Equal(["A=1", "B=3"], content.Config.Env.Where(e => !e.StartsWith("PATH", StringComparison.Ordinal)));
        var missing = await Assert.ThrowsAsync<EngineException>(() => store.BuildAsync(new ImageBuildSpec { Name = "x", From = "nothere" }));
        Assert.Equal(EngineFault.ImageNotFound, missing.Fault);
    }

    [Fact]
    public async Task Remove_LastName_DeletesLayersNobodyUses()
    {
        using var store = Store("s");
        var shared = Source(("shared", "1", 0x1a4));
        var below = await store.BuildAsync(new ImageBuildSpec { Name = "below", Directory = shared });
        var top = await store.BuildAsync(new ImageBuildSpec { Name = "top", From = "below", Directory = Source(("own", "2", 0x1a4)) });
        var layers = store.Acquire(top.Id, "container").LayerPaths;
        Assert.True(await store.RemoveAsync("top"));
        Assert.False(await store.RemoveAsync("top"));

        Assert.All(layers, l => Assert.True(Directory.Exists(l)));
        store.Release("container");
        Assert.Equal([false, true], layers.Select(Directory.Exists));
        Assert.True(await store.RemoveAsync(below.Id));
        Assert.All(layers, l => Assert.False(Directory.Exists(l)));
        Assert.Empty(store.List());
    }

    [Fact]
    public async Task Build_ByAnotherProcess_IsSeen()
    {
        using var server = Store("s");
        using var command = Store("s");
        Assert.Null(server.Find("late"));
        var built = await command.BuildAsync(new ImageBuildSpec { Name = "late", Directory = Source(("a", "1", 0x1a4)) });

        Assert.Equal(built.Id, server.Find("late")!.Id);
        Assert.Equal(built.Id, server.Find(built.Id)!.Id);
    }

    [Theory]
    [InlineData("docker-archive", "")]
    [InlineData("docker-archive", "gzip")]
    [InlineData("oci-archive", "")]
    [InlineData("oci-archive", "zstd")]
    public async Task Import_ArchiveOfSkopeo_HasLayersAndName(string kind, string compression)
    {
        using var origin = Store("origin");
        var (manifest, _) = OciLayout(origin, "app:v1");
        var archive = Path.Combine(_directory, $"{kind}.tar");
        await ToolAsync("skopeo", "copy", "--insecure-policy", $"oci:{manifest}:app:v1", kind == "docker-archive" ? $"docker-archive:{archive}:app:v1" : $"oci-archive:{archive}:docker.io/library/app:v1");
        if (compression.Length > 0)
        {
            await ToolAsync(compression, "-f", archive);
            archive += compression == "gzip" ? ".gz" : "";
            archive = File.Exists(archive) && compression == "gzip" ? archive : Path.Combine(_directory, $"{kind}.tar" + (compression == "zstd" ? ".zst" : compression == "gzip" ? ".gz" : ""));
        }

        using var store = Store("target");
        await using var stream = File.OpenRead(archive);
        var image = Assert.Single(await store.ImportAsync(stream));

        Assert.Equal(["docker.io/library/app:v1"], image.Names);
        var content = store.Acquire(image.Id, "test");
        Assert.Equal("hello", File.ReadAllText(content.LayerPaths.Single() + "/hello"));
    }

    [Fact]
    public async Task Import_NoArchive_IsInvalid()
    {
        using var store = Store("s");
        foreach (var content in (byte[][])[[], "not a tar at all, but long enough to be looked at"u8.ToArray(), new byte[2048], [0x1f, 0x8b, 8, 0, 1, 2, 3]])
        {
            var error = await Assert.ThrowsAsync<EngineException>(() => store.ImportAsync(new MemoryStream(content)));
            Assert.Equal(EngineFault.ImageInvalid, error.Fault);
        }

        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_directory, "s/images/downloads")));
    }

    [Fact]
    public async Task Pull_FromRegistry_ThenByDigest_AndClearErrors()
    {
        var port = FreePort();
        var config = Path.Combine(_directory, "registry.yml");
        File.WriteAllText(config, $"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {_directory}/registry}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n");
        using var registry = Process.Start(new ProcessStartInfo("docker-registry", ["serve", config]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        try
        {
            await EngineHost.UntilAsync(() => CanConnect(port), c => c);
            using var origin = Store("origin");
            var (layout, _) = OciLayout(origin, "app:v1");
            await ToolAsync("skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", $"oci:{layout}:app:v1", $"docker://127.0.0.1:{port}/team/app:v1");
            using var store = Store("target");
            var image = await store.PullAsync($"127.0.0.1:{port}/team/app:v1");

            Assert.Equal([$"127.0.0.1:{port}/team/app:v1"], image.Names);
            var digest = Assert.Single(image.Digests);
            Assert.Equal(image.Id, (await store.PullAsync(digest)).Id);
            Assert.Equal(image.Id, store.Find(digest)!.Id);
            Assert.Equal("hello", File.ReadAllText(store.Acquire(image.Id, "t").LayerPaths.Single() + "/hello"));
            Assert.Empty(Directory.GetFiles(Path.Combine(_directory, "target/images/downloads")));
            Assert.Equal(EngineFault.ImageNotFound, (await Assert.ThrowsAsync<EngineException>(() => store.PullAsync($"127.0.0.1:{port}/team/nothere"))).Fault);
        }
        finally
        {
            registry.Kill();
            await registry.WaitForExitAsync();
        }

        using var other = Store("other");
        Assert.Equal(EngineFault.RegistryUnreachable, (await Assert.ThrowsAsync<EngineException>(() => other.PullAsync($"127.0.0.1:{FreePort()}/x"))).Fault);
    }

    [Fact]
    public async Task Pull_TokenAuthentication_BrokenOffAndWrongBlobs()
    {
        var config = Encoding.UTF8.GetBytes("""{"config":{"Cmd":["a"]},"rootfs":{"type":"layers","diff_ids":["DIFF"] } }""");
        var plain = Tar(("hello", TarEntryType.RegularFile, "hi"));
        var layer = new MemoryStream();
        using (var gzip = new GZipStream(layer, CompressionMode.Compress, leaveOpen: true))
        {
            gzip.Write(plain);
        }

        config = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(config).Replace("DIFF", Digests.Of(plain)));
        await using var registry = new FakeRegistry(config, layer.ToArray()) { Token = "secret", User = "bob", Password = "pw", BreakBlobsOnce = true };
        using var store = Store("s");
        var reference = $"127.0.0.1:{registry.Port}/private/app";

        Assert.Equal(EngineFault.ImageUnauthorized, (await Assert.ThrowsAsync<EngineException>(() => store.PullAsync(reference))).Fault);
        Assert.Equal(EngineFault.ImageUnauthorized, (await Assert.ThrowsAsync<EngineException>(() => store.PullAsync(reference, new RegistryCredential("bob", "wrong")))).Fault);
        var image = await store.PullAsync(reference, new RegistryCredential("bob", "pw"));
        Assert.Equal("hi", File.ReadAllText(store.Acquire(image.Id, "t").LayerPaths.Single() + "/hello"));
        Assert.True(registry.SawRange);
        registry.Corrupt = true;
        using var fresh = Store("fresh");
        Assert.Equal(EngineFault.ImageInvalid, (await Assert.ThrowsAsync<EngineException>(() => fresh.PullAsync(reference, new RegistryCredential("bob", "pw")))).Fault);
        Assert.Empty(fresh.List());
    }

    [Fact]
    public void Unpack_Whiteouts_BecomeOverlayOnes()
    {
        var root = Unpack(
            ("dir/", TarEntryType.Directory, ""), ("dir/.wh..wh..opq", TarEntryType.RegularFile, ""), ("dir/new", TarEntryType.RegularFile, "n"),
            (".wh.gone", TarEntryType.RegularFile, ""), (".wh.again", TarEntryType.RegularFile, ""), ("again/", TarEntryType.Directory, ""));

        Assert.True(FileSystem.Status(root + "/gone")!.Value.IsWhiteout);
        Assert.Equal("y"u8.ToArray(), FileSystem.GetAttribute(root + "/dir", "trusted.overlay.opaque"));
        Assert.Equal("y"u8.ToArray(), FileSystem.GetAttribute(root + "/again", "trusted.overlay.opaque"));
        Assert.True(File.Exists(root + "/dir/new"));
    }

    [Fact]
    public void Unpack_LinksOwnersDevices_AsInTar()
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "./bin/su", new Dictionary<string, string> { ["SCHILY.xattr.user.note"] = "v" })
            { Mode = (UnixFileMode)0x9ed, Uid = 12, Gid = 34, DataStream = new MemoryStream([1, 2]), ModificationTime = DateTimeOffset.UnixEpoch.AddDays(5) });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, "bin/hard") { LinkName = "bin/su" });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "soft") { LinkName = "/etc/passwd", Uid = 5 });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.CharacterDevice, "null") { DeviceMajor = 1, DeviceMinor = 3 });
        }

        var root = Unpack(tar.ToArray());
        var file = FileSystem.Status(root + "/bin/su")!.Value;
        Assert.Equal((0x89edu, 12u, 34u, 5L * 86400), (file.Mode, file.User, file.Group, file.ModifiedSeconds));
        Assert.Equal(file.Inode, FileSystem.Status(root + "/bin/hard")!.Value.Inode);
        Assert.Equal("/etc/passwd", FileSystem.ReadLink(root + "/soft"));
        Assert.Equal(5u, FileSystem.Status(root + "/soft")!.Value.User);
        Assert.Equal((1u, 3u), (FileSystem.Status(root + "/null")!.Value.Major, FileSystem.Status(root + "/null")!.Value.Minor));
        Assert.Equal("v"u8.ToArray(), FileSystem.GetAttribute(root + "/bin/su", "user.note"));
    }

    [Fact]
    public void Unpack_WaysOut_StayInside()
    {
        var outside = Path.Combine(_directory, "outside");
        Directory.CreateDirectory(outside);
        foreach (var name in (string[])["../outside/x", "a/../../outside/x"])
        {
            Assert.Equal(EngineFault.ImageInvalid, Assert.Throws<EngineException>(() => Unpack((name, TarEntryType.RegularFile, "evil"))).Fault);
        }

        var root = Unpack(("link", TarEntryType.SymbolicLink, outside), ("link/x", TarEntryType.RegularFile, "evil"), ("up", TarEntryType.SymbolicLink, "../../../.."), ("up/y", TarEntryType.RegularFile, "evil"));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        Assert.True(File.Exists(root + outside + "/x"));
        Assert.True(File.Exists(root + "/y"));
        Unpack(("f", TarEntryType.SymbolicLink, outside + "/file"), ("f", TarEntryType.RegularFile, "evil"));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    public void Dispose() => Tree.Delete(_directory);

    private FileImageStore Store(string name) =>
        new(new ImageStoreOptions { Directory = Path.Combine(_directory, name), Attempts = 2 }, TimeProvider.System, NullLoggerFactory.Instance);

    private string Source(params (string Path, string Content, uint Mode)[] files)
    {
        var root = Path.Combine(_directory, "source-" + Guid.NewGuid().ToString("n"));
        foreach (var (path, content, mode) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName($"{root}/{path}")!);
            File.WriteAllText($"{root}/{path}", content);
            FileSystem.ChangeMode($"{root}/{path}", mode);
        }

        return root;
    }

    private string Unpack(params (string, TarEntryType, string)[] entries) => Unpack(Tar(entries));

    private string Unpack(byte[] tar)
    {
        var root = Path.Combine(_directory, "unpacked-" + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(root);
        new LayerUnpacker(root).Unpack(new MemoryStream(tar), CancellationToken.None);
        return root;
    }

    private static byte[] Tar(params (string Name, TarEntryType Type, string Content)[] entries)
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Gnu, leaveOpen: true))
        {
            foreach (var (name, type, content) in entries)
            {
                var entry = new GnuTarEntry(type, name);
                if (type == TarEntryType.SymbolicLink)
                {
                    entry.LinkName = content;
                }
                else if (type == TarEntryType.RegularFile)
                {
                    entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
                }

                writer.WriteEntry(entry);
            }
        }

        return tar.ToArray();
    }

    /// <summary>An OCI layout on disk with one image of one file, for skopeo.</summary>
    private (string Path, string Digest) OciLayout(FileImageStore store, string name)
    {
        var root = Path.Combine(_directory, "layout-" + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(root + "/blobs/sha256");
        string Blob(byte[] content)
        {
            var digest = Digests.Of(content);
            File.WriteAllBytes($"{root}/blobs/sha256/{Digests.Hex(digest)}", content);
            return $"\"digest\":\"{digest}\",\"size\":{content.Length}";
        }

        var layer = Tar(("hello", TarEntryType.RegularFile, "hello"));
        var config = Encoding.UTF8.GetBytes($$"""{"architecture":"amd64","os":"linux","config":{"Cmd":["/hello"]},"rootfs":{"type":"layers","diff_ids":["{{Digests.Of(layer)}}"] } }""");
        var manifest = Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",{{Blob(config)}} },"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",{{Blob(layer)}} }]}""");
        File.WriteAllText(root + "/oci-layout", """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(root + "/index.json", $$$"""{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",{{{Blob(manifest)}}},"annotations":{"org.opencontainers.image.ref.name":"{{{name}}}"}}]}""");
        return (root, Digests.Of(manifest));
    }

    private static async Task ToolAsync(string tool, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{tool}: {await errors}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static bool CanConnect(int port)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
