using System.CommandLine;
using System.Globalization;
using Kaji.Cluster;
using Kaji.Engine;
using Kaji.Startup;

namespace Kaji.Commands;

/// <summary><c>kaji image …</c>: the node's images, with or without a running cluster.</summary>
internal static class ImageCommand
{
    public static Command Build() => new("image", "Build, import, pull, list and remove container images.")
    {
        BuildImage(), Import(), Pull(), List(), Remove(),
    };

    private static Command BuildImage()
    {
        var name = new Argument<string>("name") { Description = "Name of the image, as my/bot:1" };
        var directory = new Option<DirectoryInfo?>("--dir", "-d") { Description = "Directory whose files the image holds" };
        var target = new Option<string>("--target") { Description = "Where in the image they go", DefaultValueFactory = _ => "/" };
        var from = new Option<string?>("--from") { Description = "Image below, already here; scratch when not given" };
        var entrypoint = new Option<string[]>("--entrypoint", "-e") { Description = "Program to run and its first arguments", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
        var cmd = new Option<string[]>("--cmd") { Description = "Default arguments", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
        var env = new Option<string[]>("--env") { Description = "NAME=VALUE (may be repeated)", DefaultValueFactory = _ => [] };
        var workdir = new Option<string?>("--workdir") { Description = "Working directory" };
        var user = new Option<string?>("--user") { Description = "User, as 1000:1000" };
        var command = new Command("build", "Make an image of a directory, on scratch or on an image already here.") { name, directory, target, from, entrypoint, cmd, env, workdir, user };
        command.SetAction(async (parsed, cancel) =>
        {
            var spec = new ImageBuildSpec
            {
                Name = parsed.GetValue(name)!,
                Directory = parsed.GetValue(directory)?.FullName,
                TargetPath = parsed.GetValue(target)!,
                From = parsed.GetValue(from),
                Entrypoint = parsed.GetValue(entrypoint)!,
                Cmd = parsed.GetValue(cmd)!,
                Env = [.. parsed.GetValue(env)!.Select(NameAndValue)],
                WorkingDir = parsed.GetValue(workdir),
                User = parsed.GetValue(user),
            };
            return await WithStoreAsync(parsed.Paths(), async store => Show(await store.BuildAsync(spec, cancel)));
        });
        return command;
    }

    private static Command Import()
    {
        var file = new Argument<FileInfo>("file") { Description = "Archive of `docker save` or an OCI layout" };
        var command = new Command("import", "Take in a `docker save` or OCI archive.") { file };
        command.SetAction((parsed, cancel) => WithStoreAsync(parsed.Paths(), async store =>
        {
            var path = parsed.GetValue(file)!.FullName;
            if (!File.Exists(path))
            {
                throw new UserError($"{path}: no such file.");
            }

            await using var archive = File.OpenRead(path);
            foreach (var image in await store.ImportAsync(archive, cancel))
            {
                Show(image);
            }
        }));
        return command;
    }

    private static Command Pull()
    {
        var name = new Argument<string>("name") { Description = "Reference, as registry.example/bot:1" };
        var user = new Option<string?>("--user") { Description = "USER:PASSWORD for the registry" };
        var command = new Command("pull", "Fetch an image from its registry.") { name, user };
        command.SetAction((parsed, cancel) => WithStoreAsync(parsed.Paths(), async store =>
        {
            var credential = parsed.GetValue(user)?.Split(':', 2) is [var who, var password] ? new RegistryCredential(who, password) : null;
            Show(await store.PullAsync(parsed.GetValue(name)!, credential, new Progress<string>(Console.Error.WriteLine), cancel));
        }));
        return command;
    }

    private static Command List()
    {
        var command = new Command("ls", "List images.");
        command.SetAction((parsed, _) => WithStoreAsync(parsed.Paths(), store =>
        {
            Console.WriteLine($"{"NAME",-48} {"ID",-14} {"SIZE",10}");
            foreach (var image in store.List())
            {
                Show(image);
            }

            return Task.CompletedTask;
        }));
        return command;
    }

    private static Command Remove()
    {
        var name = new Argument<string>("name") { Description = "Name or id" };
        var command = new Command("rm", "Remove an image.") { name };
        command.SetAction((parsed, cancel) => WithStoreAsync(parsed.Paths(), async store =>
        {
            if (!await store.RemoveAsync(parsed.GetValue(name)!, cancel))
            {
                throw new UserError($"{parsed.GetValue(name)}: no such image.");
            }
        }));
        return command;
    }

    private static async Task<int> WithStoreAsync(ClusterPaths paths, Func<IImageStore, Task> act)
    {
        Preconditions.Root("kaji image");
        try
        {
            await act(Engines.OpenImages(paths));
            return ExitCodes.Ok;
        }
        catch (EngineException e)
        {
            throw new UserError(e.Message);
        }
    }

    private static void Show(ImageInfo image)
    {
        foreach (var name in image.Names.DefaultIfEmpty("<none>"))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-48} {image.Id["sha256:".Length..][..12],-14} {image.Size / 1e6,7:0.0} MB"));
        }
    }

    private static KeyValuePair<string, string> NameAndValue(string text) =>
        text.Split('=', 2) is [{ Length: > 0 } name, var value] ? new(name, value) : throw new UserError($"--env {text}: expected NAME=VALUE.", ExitCodes.Usage);
}
