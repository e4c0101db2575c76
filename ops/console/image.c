/* gantry image: what is done with images. */
#include "ops/console/group.h"
#include "ops/console/verbs.h"

/* clang-format off */
static const struct verb verbs[] = {
    { { "image import", "PATH|- [IMAGE]", "Make an image of a root filesystem's tar" }, verb_import },
    { { "image inspect", "IMAGE [IMAGE...]", "Show all about images" }, image_inspect },
    { { "image list", "[IMAGE]", "The same as ls" }, verb_images },
    { { "image load", "", "Load images from an archive" }, verb_load },
    { { "image ls", "[IMAGE]", "List images" }, verb_images },
    { { "image prune", "", "Remove images that nobody needs" }, image_prune },
    { { "image pull", "IMAGE [IMAGE...]", "Fetch images from a registry" }, verb_pull },
    { { "image rm", "IMAGE [IMAGE...]", "Remove images" }, verb_rmi },
    { { "image save", "IMAGE [IMAGE...]", "Write images to an archive" }, verb_save },
    { { "image tag", "IMAGE NAME [NAME...]", "Give an image more names" }, verb_tag },
    { { "image untag", "IMAGE [NAME...]", "Take names from an image" }, verb_untag },
};
/* clang-format on */

int verb_image(struct console *console, const struct args_usage *usage, char **argv,
               struct error *err)
{
    (void)usage;
    return group_run(console, verbs, sizeof(verbs) / sizeof(*verbs), argv, err);
}
