using System.Text.Json;
using Kaji.Engine.Distribution;
using Kaji.Engine.Layers;
using Kaji.Linux.Calls;
using Kaji.Linux.Files;
using Microsoft.Extensions.Logging;

namespace Kaji.Engine.Images;

/// <summary>What the runtime mounts: the configuration, and layer directories topmost first.</summary>
internal sealed record ImageContent(string Id, ImageConfig Config, IReadOnlyList<string> LayerPaths);

/// <summary>
/// Images in a directory: pull, import and build end in the same way: layers into the <see cref="LayerStore"/>, the configuration as a blob, an entry in the
/// <see cref="ImageCatalog"/>. Several processes may share it.
/// </summary>
public sealed partial class FileImageStore : IImageStore, IDisposable
{
    private readonly ImageStoreOptions _options;
    private readonly ImageCatalog _catalog;
    private readonly LayerStore _layers;
    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    public FileImageStore(ImageStoreOptions options, TimeProvider time, ILoggerFactory logs)
    {
        _options = options;
        _time = time;
        _log = logs.CreateLogger<FileImageStore>();
        _catalog = new ImageCatalog(Path.Combine(options.Directory, "images"));
        _layers = new LayerStore(Path.Combine(options.Directory, "layers"));
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            MaxConnectionsPerServer = 16,
        }) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public ImageInfo? Find(string reference)
    {
        var images = _catalog.Read().Images;
        if (reference.StartsWith("sha256:", StringComparison.Ordinal))
        {
            return images.FirstOrDefault(i => i.Id == reference)?.ToInfo();
        }

        ImageReference parsed;
        try
        {
            parsed = ImageReference.Parse(reference);
        }
        catch (EngineException)
        {
            return null;
        }

        if (parsed.Digest is not null)
        {
            var name = $"{parsed.Name}@{parsed.Digest}";
            return images.FirstOrDefault(i => i.Digests.Contains(name, StringComparer.Ordinal))?.ToInfo();
        }

        return images.FirstOrDefault(i => i.Names.Contains(parsed.ToString(), StringComparer.Ordinal))?.ToInfo();
    }

    public IReadOnlyList<ImageInfo> List() => [.. _catalog.Read().Images.Select(i => i.ToInfo())];

    public Task<ImageInfo> PullAsync(string reference, RegistryCredential? credential = null, IProgress<string>? progress = null, CancellationToken cancellationToken = default) =>
        AddingAsync(async () =>
        {
            var parsed = ImageReference.Parse(reference);
            var client = new RegistryClient(_http, parsed, credential, _options, _time);
            var (content, digest) = await client.GetManifestAsync(parsed.Selector, cancellationToken).ConfigureAwait(false);
            var manifest = Manifest.Parse(content);
            if (manifest.Config is null)
            {
                (content, _) = await client.GetManifestAsync(manifest.Select(reference).Descriptor.Digest, cancellationToken).ConfigureAwait(false);
                manifest = Manifest.Parse(content);
            }

            var config = await client.GetBlobAsync(manifest.Config!, cancellationToken).ConfigureAwait(false);
            var diffIds = ImageConfig.Parse(config).DiffIds;
            if (diffIds.Count != manifest.Layers.Count)
            {
                throw new EngineException(EngineFault.ImageInvalid, $"{reference}: the manifest has {manifest.Layers.Count} layers, the configuration {diffIds.Count}.");
            }

            using var slots = new SemaphoreSlim(_options.ParallelDownloads);
            await Task.WhenAll(manifest.Layers.Select((layer, i) => FetchAsync(client, layer, diffIds[i], slots, progress, cancellationToken))).ConfigureAwait(false);
            progress?.Report("unpacked");
            var info = Register(config, parsed.Tag is null ? [] : [$"{parsed.Name}:{parsed.Tag}"], [$"{parsed.Name}@{digest}"]);
            LogAdded("pulled", reference, info.Id);
            return info;
        });

    public Task<IReadOnlyList<ImageInfo>> ImportAsync(Stream archive, CancellationToken cancellationToken = default) => AddingAsync(async () =>
    {
        var temporary = Path.Combine(_catalog.DownloadsPath, $"import-{Guid.NewGuid():n}");
        Directory.CreateDirectory(temporary);
        try
        {
            var infos = new List<ImageInfo>();
            foreach (var image in await new ImageArchive(temporary).ReadAsync(archive, cancellationToken).ConfigureAwait(false))
            {
                var diffIds = ImageConfig.Parse(image.Config).DiffIds;
                if (diffIds.Count != image.LayerFiles.Count)
                {
                    throw new EngineException(EngineFault.ImageInvalid, $"The archive has {image.LayerFiles.Count} layers for an image of {diffIds.Count}.");
                }

                for (var i = 0; i < diffIds.Count; i++)
                {
                    if (!_layers.Has(Digests.Check(diffIds[i])))
                    {
                        await _layers.AddAsync(File.OpenRead(image.LayerFiles[i]), diffIds[i], cancellationToken).ConfigureAwait(false);
                    }
                }

                var info = Register(image.Config, image.Names, []);
                LogAdded("imported", string.Join(' ', info.Names), info.Id);
                infos.Add(info);
            }

            return (IReadOnlyList<ImageInfo>)infos;
        }
        finally
        {
            Tree.Delete(temporary);
        }
    });

    public Task<ImageInfo> BuildAsync(ImageBuildSpec spec, CancellationToken cancellationToken = default) => AddingAsync(async () =>
    {
        var name = ImageReference.Parse(spec.Name);
        if (name.Digest is not null)
        {
            throw new EngineException(EngineFault.Invalid, $"\"{spec.Name}\": an image is built under a tag, not a digest.");
        }

        byte[]? baseConfig = null;
        if (spec.From is not null)
        {
            var below = Find(spec.From) ?? throw new EngineException(EngineFault.ImageNotFound, $"The image \"{spec.From}\" to build on is not here: pull or import it first.");
            baseConfig = _catalog.ReadBlob(below.Id);
        }

        string? diffId = null;
        if (spec.Directory is not null)
        {
            if (!Directory.Exists(spec.Directory))
            {
                throw new EngineException(EngineFault.Invalid, $"{spec.Directory} is not a directory.");
            }

            var path = Path.Combine(_catalog.DownloadsPath, $"build-{Guid.NewGuid():n}");
            try
            {
                await using (var tar = File.Create(path))
                {
                    LayerWriter.Write(spec.Directory, spec.TargetPath, tar, cancellationToken);
                }

                (diffId, _) = await _layers.AddAsync(File.OpenRead(path), null, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                File.Delete(path);
            }
        }

        var info = Register(ImageBuilder.Configure(spec, baseConfig, diffId), [name.ToString()], []);
        LogAdded("built", spec.Name, info.Id);
        return info;
    });

    public Task<bool> RemoveAsync(string reference, CancellationToken cancellationToken = default) => Task.Run(() =>
    {
        if (Find(reference) is not { } image)
        {
            return false;
        }

        _catalog.Change(index =>
        {
            var record = index.Images.First(i => i.Id == image.Id);
            ImageRecord? left = null;
            if (!reference.StartsWith("sha256:", StringComparison.Ordinal))
            {
                var parsed = ImageReference.Parse(reference);
                var gone = parsed.Digest is null ? parsed.ToString() : $"{parsed.Name}@{parsed.Digest}";
                left = record with { Names = [.. record.Names.Where(n => n != gone)], Digests = [.. record.Digests.Where(d => d != gone)] };
                // The last name of a repository takes its digests along.
                left = left with { Digests = [.. left.Digests.Where(d => left.Names.Any(n => ImageReference.Parse(n).Name == ImageReference.Parse(d).Name))] };
            }

            var others = index.Images.Where(i => i.Id != image.Id);
            return index with { Images = left is { Names.Count: > 0 } or { Digests.Count: > 0 } ? [.. others.Append(left).OrderBy(i => i.Id, StringComparer.Ordinal)] : [.. others] };
        });
        Collect();
        return true;
    }, cancellationToken);

    /// <summary>An image for a container, held until <see cref="Release"/>.</summary>
    internal ImageContent Acquire(string imageId, string holder)
    {
        using var held = _catalog.Using();
        var record = _catalog.Read().Images.FirstOrDefault(i => i.Id == imageId)
            ?? throw new EngineException(EngineFault.ImageNotFound, $"The image {imageId} is not in the image store.");
        var config = ImageConfig.Parse(_catalog.ReadBlob(imageId));
        _catalog.Hold(holder, new ImageUse(imageId, config.DiffIds));
        return new ImageContent(imageId, config, record.Layers.Count == 0 ? [_layers.Empty] : [.. config.DiffIds.Reverse().Distinct(StringComparer.Ordinal).Select(_layers.PathOf)]);
    }

    internal void Release(string holder)
    {
        if (_catalog.Drop(holder) is { } use && !_catalog.Read().Images.Any(i => i.Id == use.ImageId))
        {
            Collect();
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task FetchAsync(RegistryClient client, ContentDescriptor layer, string diffId, SemaphoreSlim slots, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        if (_layers.Has(Digests.Check(diffId)))
        {
            return;
        }

        await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var path = Path.Combine(_catalog.DownloadsPath, Digests.Hex(layer.Digest));
            FileStream file;
            try
            {
                file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 0);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another pull fetches the same; .NET locks what it writes.
                path += $"-{Guid.NewGuid():n}";
                file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 0);
            }

            progress?.Report($"{layer.Digest[7..19]} fetching {layer.Size} bytes");
            try
            {
                await client.DownloadAsync(layer, file, null, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                await file.DisposeAsync().ConfigureAwait(false);
                throw;
            }

            await _layers.AddAsync(file, diffId, cancellationToken).ConfigureAwait(false);
            File.Delete(path);
            progress?.Report($"{layer.Digest[7..19]} done");
        }
        finally
        {
            slots.Release();
        }
    }

    private ImageInfo Register(byte[] config, IReadOnlyList<string> names, IReadOnlyList<string> digests)
    {
        var parsed = ImageConfig.Parse(config);
        var id = Digests.Of(config);
        _catalog.WriteBlob(id, config);
        return _catalog.Add(new ImageRecord
        {
            Id = id,
            Names = names,
            Digests = digests,
            Size = parsed.DiffIds.Distinct(StringComparer.Ordinal).Sum(d => SizeOf(_layers.PathOf(d))),
            User = parsed.User,
            CreatedAt = parsed.Created,
            Layers = parsed.DiffIds,
        }).ToInfo();
    }

    private static long SizeOf(string layer) =>
        new DirectoryInfo(layer).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }).Sum(f => f.Length);

    private async Task<T> AddingAsync<T>(Func<Task<T>> add)
    {
        try
        {
            using var held = _catalog.Using();
            return await add().ConfigureAwait(false);
        }
        catch (Exception e) when (IsDiskFull(e))
        {
            throw new EngineException(EngineFault.DiskFull, $"The disk that holds {_options.Directory} is full: {e.Message}", e);
        }
    }

    internal static bool IsDiskFull(Exception e) => e is KernelException { Errno: Errno.ENOSPC or Errno.EDQUOT } || e is IOException { HResult: Errno.ENOSPC or Errno.EDQUOT };

    private void Collect()
    {
        using var held = _catalog.TryCollecting();
        if (held is null)
        {
            // Something is being added; the next removal collects.
            return;
        }

        var images = _catalog.Read().Images;
        var uses = _catalog.Uses();
        _layers.Collect(images.SelectMany(i => i.Layers).Concat(uses.SelectMany(u => u.Layers)).ToHashSet(StringComparer.Ordinal));
        _catalog.Collect(images.Select(i => i.Id).Concat(uses.Select(u => u.ImageId)).ToHashSet(StringComparer.Ordinal));
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Information, Message = "Image {How}: {Reference} {ImageId}")]
    private partial void LogAdded(string how, string reference, string imageId);
}
