using System.IO.Compression;
using System.Text;
using Kaji.Api.Kinds;
using Kaji.Api.Schemas;

namespace Kaji.Api.Tests.OpenApi;

/// <summary>The descriptions that the OpenAPI documents carry are the package's. KAJI_WRITE_DOCS=1 writes them anew.</summary>
public sealed class DescriptionsTests
{
    private static string File => Path.Combine(Home, "src", "Kaji.Api", "OpenApi", "descriptions.br");

    private static string Home
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (!System.IO.File.Exists(Path.Combine(at!.FullName, "Kaji.slnx")))
            {
                at = at.Parent;
            }

            return at.FullName;
        }
    }

    [Fact]
    public void File_IsWhatThePackageSays()
    {
        var lines = ModelDocumentation.Lines();
        if (Environment.GetEnvironmentVariable("KAJI_WRITE_DOCS") == "1")
        {
            using var made = System.IO.File.Create(File);
            using var compressed = new BrotliStream(made, CompressionLevel.SmallestSize);
            compressed.Write(Encoding.UTF8.GetBytes(lines));
        }

        using var reader = new StreamReader(new BrotliStream(System.IO.File.OpenRead(File), CompressionMode.Decompress));
        Assert.True(reader.ReadToEnd() == lines, "descriptions.br is out of date: run the test with KAJI_WRITE_DOCS=1");
        var undescribed = lines.Split('\n').Where(l => l.StartsWith('=') && l.EndsWith('\t')).Select(l => l[1..^1]).ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(BuiltInResources.All, r => undescribed.Contains(BuiltInSchemas.NameOf(r.Group, r.Version, r.Kind)));
        Assert.InRange(undescribed.Count, 0, 20);
    }
}
